package sim

// SendAsDevice is how a PythingsOS device writes a request.
var SendAsDevice = send
