"""What is for sale and how much of it is left; orders reserve stock here before anybody pays."""
