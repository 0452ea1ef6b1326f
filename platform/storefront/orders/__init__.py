"""Takes orders: knows the customer, holds stock, charges, confirms; and leaves nothing half done, whatever fails."""
