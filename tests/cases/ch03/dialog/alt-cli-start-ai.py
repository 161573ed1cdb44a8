import pexpect
forget("dialog")
!docker create --interactive --tty --name dialog debian:trixie /bin/sh
talk = pexpect.spawn("docker start -ai dialog", timeout=30)
talk.expect("# ")
talk.sendline("cat /proc/version")
talk.expect("# ")
talk.sendeof()
talk.expect(pexpect.EOF)
