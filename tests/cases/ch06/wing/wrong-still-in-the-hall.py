# finding: container vault: networks: expected not 'hall', found attached to it
!docker network connect cellar cashier
!docker network connect cellar vault
