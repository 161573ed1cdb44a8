word = mine.word("table")
def both_ways(image):
    plain = !docker run --rm {image}
    words = !docker run --rm {image} echo {word}
    return [plain[0], words[0]]
only_cmd, only_entry = both_ways("outcome-cmd"), both_ways("outcome-entry")
both, shell_form = both_ways("outcome-both"), both_ways("outcome-shell")
