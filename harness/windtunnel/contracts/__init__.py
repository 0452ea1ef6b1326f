"""What services promise each other, checked: the product part, which knows no system of its own."""
