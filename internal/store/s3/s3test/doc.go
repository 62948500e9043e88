// Package s3test has servers for tests of whoever uses package s3, as far as they need the AWS SDK:
//
//   - Front stands before a gateway. It records what was sent, and does what the gateway cannot:
//     temporary credentials and encryption;
//   - IAM is a gateway with users, of whom each has a policy, as at Amazon.
package s3test
