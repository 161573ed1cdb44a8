import pexpect
talk = pexpect.spawn("docker start -ai memoir", timeout=30)
talk.expect("# ")
talk.sendline("echo tuesday >> /memoir")
talk.expect("# ")
talk.sendline("exit")
talk.expect(pexpect.EOF)
