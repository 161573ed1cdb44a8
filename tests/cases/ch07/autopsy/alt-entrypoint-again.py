forget("revived")
program = client.containers.get("autopsy").attrs["Path"]
arguments = client.api.inspect_container("autopsy")["Args"]
!docker run --entrypoint cat --name revived page /{mine.word("autopsy")}
