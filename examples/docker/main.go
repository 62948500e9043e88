// Command greeter is what the image of this example runs.
package main

import (
	"fmt"

	"example.com/greeter/greet"
)

func main() { fmt.Println(greet.All("image")) }
