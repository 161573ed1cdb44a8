# Another file name, other entries beside the two, and a label of the student's own.
forget("postcard")
forget(image="motd")
import json
options = {"debug": True, "registry-mirrors": ["http://mirror"], "max-concurrent-downloads": 2}
options["labels"] = ["mine=1", "course=" + mine.word("postcard")]
with open("engine.json", "w") as file:
    json.dump(options, file)
configure("engine.json")
client.images.pull("motd", tag="latest")
client.containers.run("motd:latest", name="postcard", detach=True).wait(timeout=30)
