def pair(image):
    words = ["echo", mine.word("table")]
    return tuple(client.containers.run(image, w, remove=True).decode().strip() for w in (None, words))
only_cmd, only_entry, both, shell_form = map(pair, [f"outcome-{n}" for n in ("cmd", "entry", "both", "shell")])
