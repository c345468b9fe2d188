package coap

// ListenOn is Listen with so many sockets, whatever the number of processors.
var ListenOn = listen
