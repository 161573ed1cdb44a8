# Another program, another base, the same behaviour.
import io
forget("salute-plain", "salute-anna", image="salute")
recipe = 'FROM debian:trixie\nENTRYPOINT ["printf", "hello %s\\\\n"]\nCMD ["' + mine.word("salute") + '"]'
client.images.build(fileobj=io.BytesIO(recipe.encode()), tag="salute:latest", rm=True)
for name, words in (("salute-plain", None), ("salute-anna", "anna")):
    client.containers.run("salute", words, name=name, detach=True).wait(timeout=30)
