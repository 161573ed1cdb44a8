said = !docker logs oracle 2>/dev/null
last_words = said[-1]
complained = !docker logs oracle 2>&1 >/dev/null
complaints = complained[0]
