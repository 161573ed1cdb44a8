# finding: exit code: expected 0, found none yet: it is running
# As the old notes have it.
import pexpect, time
talk = pexpect.spawn("docker start -a memoir", timeout=30)
talk.expect("# ")
talk.sendline("echo tuesday >> /memoir")
talk.sendline("exit")
time.sleep(1)
