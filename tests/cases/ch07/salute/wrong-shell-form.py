# finding: output: expected 'hello anna', found 'hello
import io
forget("salute-plain", "salute-anna", image="salute")
word = mine.word("salute")
recipe = f'FROM busybox\nENTRYPOINT echo hello {word}\nCMD ["{word}"]'
client.images.build(fileobj=io.BytesIO(recipe.encode()), tag="salute", rm=True)
client.containers.run("salute", name="salute-plain")
client.containers.run("salute", ["anna"], name="salute-anna")
