/**
 * A certificate for `localhost` and 127.0.0.1 that nobody signed but itself, and its key. They are
 * published here and good for tests only. Valid until 2126.
 */
export const selfSigned: { readonly certificate: string; readonly key: string } = {
  certificate: `-----BEGIN CERTIFICATE-----
MIIBmjCCAUGgAwIBAgIUL5NmTptl9z0u8vcQj2nrY3r3LRswCgYIKoZIzj0EAwIw
FDESMBAGA1UEAwwJbG9jYWxob3N0MCAXDTI2MTEyMTE5MTkzMloYDzIxMjYxMDI4
MTkxOTMyWjAUMRIwEAYDVQQDDAlsb2NhbGhvc3QwWTATBgcqhkjOPQIBBggqhkjO
PQMBBwNCAATP1t1oiVj1B/Sw/a7Es5Yh1I34X5bD3x9hu0X7UknyIQxVZWxLSxNG
dPTrzlTmnW+VaY7MYrBvWm6DO3nUn/5Go28wbTAdBgNVHQ4EFgQUztzGWJWKEj0i
yCAgIn5aWF+wXJkwHwYDVR0jBBgwFoAUztzGWJWKEj0iyCAgIn5aWF+wXJkwDwYD
VR0TAQH/BAUwAwEB/zAaBgNVHREEEzARgglsb2NhbGhvc3SHBH8AAAEwCgYIKoZI
zj0EAwIDRwAwRAIgBwyGXqn1SIbuytj4FMq3rX6tcoV4LotEXPAQO19DkboCIEM8
UOMybZumGCvbArgCni5mhMFACbz8KYjZAOy2HY0T
-----END CERTIFICATE-----
`,
  key: `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg2bNSb3H/gt+IxQRt
qdmsuRQjYkhWOUNoF9Prm5uIYf6hRANCAATP1t1oiVj1B/Sw/a7Es5Yh1I34X5bD
3x9hu0X7UknyIQxVZWxLSxNGdPTrzlTmnW+VaY7MYrBvWm6DO3nUn/5G
-----END PRIVATE KEY-----
`,
}
