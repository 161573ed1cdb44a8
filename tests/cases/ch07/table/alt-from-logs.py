def look(image, *words):
    box = client.containers.run(image, list(words), detach=True)
    box.wait(timeout=30)
    said = box.logs().decode().rstrip("\n")
    box.remove()
    return said
def row(image):
    return [look(image), look(image, "echo", mine.word("table"))]
only_cmd, only_entry, both, shell_form = (row(f"outcome-{name}") for name in ("cmd", "entry", "both", "shell"))
