short = client.images.get("ada/greeting:1.0").short_id.removeprefix("sha256:")
!docker tag {short} docker.io/ada/greeting:stable
client.api.tag(short, mine.word("named") + "/greeting", "1.0")
rest, _, tag = "registry.example.com:5966/team/web:2.38".rpartition(":")
registry = rest.split("/")[0]
