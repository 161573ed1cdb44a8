# finding: arguments are split elsewhere
# docker-py splits a text at its blanks, as a shell does.
forget("greeter")
client.containers.run("debian:trixie", "/bin/echo Hello " + mine.word("greeter"), name="greeter")
