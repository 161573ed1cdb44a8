# finding: found no such user
# Lines in the files that hold the names, but not where such names are looked for.
name = mine.word("member")
script = f"echo '# {name}: ' >> /etc/passwd; printf '{name}:x:\\ndocker:!::{name}\\n' >> /etc/gshadow"
client.containers.get("fitter").exec_run(["sh", "-c", script])
