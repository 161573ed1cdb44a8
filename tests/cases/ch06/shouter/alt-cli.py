import shlex
forget("shouter")
loud = shlex.quote(program.replace("(words,", "(words.upper(),"))
!docker run -d --name shouter -p 127.0.0.1:5004:5000/udp training/webapp python -c {loud}
