"""What is laid around moto: the controls of a simulated cloud, accounts by access key, and AWS's own refusals."""
