# finding: Bytes become text with `.decode()`
def row(image):
    words = ["echo", mine.word("table")]
    return [client.containers.run(image, given, remove=True) for given in (None, words)]
only_cmd, only_entry = row("outcome-cmd"), row("outcome-entry")
both, shell_form = row("outcome-both"), row("outcome-shell")
