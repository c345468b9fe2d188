package main

import _ "time/tzdata" // people choose a time zone, and many machines have none of them
