# finding: RegistryConfig.Mirrors
forget("postcard")
forget(image="motd")
from pathlib import Path
Path("daemon.json").write_text("{'registry-mirrors': ['http://mirror']}")
configure("daemon.json")
client.containers.run("motd", name="postcard")
