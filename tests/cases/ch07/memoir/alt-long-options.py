import pexpect
talk = pexpect.spawn("docker container start --attach --interactive memoir", timeout=30)
talk.expect("# ")
talk.sendline("printf 'tuesday\\n' >> /memoir && exit 0")
talk.expect(pexpect.EOF)
