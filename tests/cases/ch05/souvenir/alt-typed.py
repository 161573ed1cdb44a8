# A conversation, as in the text, and a container with another name.
import pexpect
forget("souvenir", "typed", image="ada/souvenir:v2")
talk = pexpect.spawn("docker run -it --name typed debian:trixie bash", timeout=30)
talk.expect("# ")
talk.sendline(f"echo {mine.word('souvenir')} > /souvenir.txt && exit")
talk.expect(pexpect.EOF)
!docker container commit --author "Ada Lovelace" --message "a souvenir" typed ada/souvenir:v2
