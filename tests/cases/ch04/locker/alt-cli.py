found = !docker inspect --format '{{{{.Config.WorkingDir}}}}' locker
folder = str(found[0])
found = !docker exec locker env | grep OWNER= | cut -d= -f2
owner = str(found[0])
found = !docker top locker | grep -o "sleep [0-9]*$"
seconds = int(found[-1].split()[1])
