!docker network connect cellar cashier
!docker network connect cellar vault
!docker network disconnect hall vault
