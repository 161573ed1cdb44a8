# finding: network cellar: containers: expected
!docker network connect cellar vault
!docker network disconnect hall vault
