import json
text = !docker image inspect busybox
found = json.loads("".join(text))[0]
platform = "/".join([found["Os"], found["Architecture"]])
code = !docker run --rm busybox true; echo $?
suits = code == ["0"]
