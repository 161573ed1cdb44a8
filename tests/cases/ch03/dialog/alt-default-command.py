# `docker run -it` with the image's own command, bash.
import pexpect
forget("dialog")
talk = pexpect.spawn("docker run -it --name dialog debian:trixie", timeout=30)
talk.expect("[#] ")
talk.sendline("cat /proc/version")
talk.expect("[#] ")
talk.sendline("exit")
talk.expect(pexpect.EOF)
