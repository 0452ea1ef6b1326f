-- One for each service; none reads another's.
CREATE DATABASE users;
CREATE DATABASE inventory;
CREATE DATABASE orders;
CREATE DATABASE payments;
CREATE DATABASE bank;
CREATE DATABASE notifications;
