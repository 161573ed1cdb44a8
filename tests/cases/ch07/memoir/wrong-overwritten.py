# finding: file /memoir: expected one with 'monday
import pexpect
talk = pexpect.spawn("docker start -ai memoir", timeout=30)
talk.expect("# ")
talk.sendline("echo tuesday > /memoir")
talk.sendline("exit")
talk.expect(pexpect.EOF)
