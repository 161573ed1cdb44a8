# Other containers under the same names do as well.
forget("vault", "cashier")
!docker run -d --name vault --network cellar training/webapp
!docker run -d --name cashier --network hall training/webapp python app.py
!docker network connect cellar cashier
