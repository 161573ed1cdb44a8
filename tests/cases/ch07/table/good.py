def outcomes(image):
    words = ["echo", mine.word("table")]
    runs = [client.containers.run(image, given, remove=True) for given in (None, words)]
    return [printed.decode().strip() for printed in runs]
only_cmd, only_entry = outcomes("outcome-cmd"), outcomes("outcome-entry")
both, shell_form = outcomes("outcome-both"), outcomes("outcome-shell")
