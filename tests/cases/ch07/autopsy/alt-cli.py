import json
forget("revived")
seen = json.loads("\n".join(get_ipython().getoutput("docker inspect autopsy")))[0]
program, arguments = seen["Path"], seen["Args"]
!docker run --name revived page /etc/group
