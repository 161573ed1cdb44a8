# What `!` keeps is a list of lines; each of them is text.
said = !docker logs oracle 2>/dev/null
complaints = !docker logs oracle 2>&1 >/dev/null
last_words, complaints = said[-1], complaints.nlstr.strip()
