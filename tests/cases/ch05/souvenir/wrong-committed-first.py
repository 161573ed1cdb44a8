# finding: file /souvenir.txt: expected there, found nothing
forget("souvenir", image="ada/souvenir:v2")
box = client.containers.run("debian:trixie", ["sleep", "600"], name="souvenir", detach=True)
box.commit("ada/souvenir", tag="v2", message="a souvenir", author="Ada Lovelace")
box.exec_run(["sh", "-c", f"echo {mine.word('souvenir')} > /souvenir.txt"])
box.kill()
