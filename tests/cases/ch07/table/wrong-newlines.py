# finding: `.strip()` removes
def outcomes(image):
    words = ["echo", mine.word("table")]
    return [client.containers.run(image, given, remove=True).decode() for given in (None, words)]
only_cmd, only_entry = outcomes("outcome-cmd"), outcomes("outcome-entry")
both, shell_form = outcomes("outcome-both"), outcomes("outcome-shell")
