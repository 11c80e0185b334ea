/* What the keys show that signed the tokens in corpus/id_token, and were thrown away: a JWKS. */
#pragma once

static const char keys[] =
    "{\"keys\": [{\"kid\": \"rsa\", \"use\": \"sig\", \"kty\": \"RSA\", \"n\": \"vuwLm-GsCkj0"
    "cRJ2pyNEm_AKJfUym9pnkf2jhtTXmI8GIjPmF630LdSU2RR9TYGu8DaHBKVSznlPut76Zc9ndYNymYgSm7I-ASDE"
    "jtCKuNcmEvj71ef37tT8E_-rlJhiS-KZJMJwY9hx18X0EvcmYmuMm6z6s_gQqOiKfn3rYP_1D6w9U1_Dz1Djrvub"
    "C0VM04PJ685nKF1w_nlXDBZK3bDoYcQpfAH9umlUPp2ZxzLAlO15GdX4hPuyKxeCTEuZt8msrminP3em__VhhroP"
    "n3c_hRfx1YnspB1_0OOauuj3lD_j33FwnI1CBHNOhSSidIg_EcOEF33gdpd-zfv19Q\", \"e\": \"AQAB\"}, "
    "{\"kid\": \"ec\", \"use\": \"sig\", \"kty\": \"EC\", \"crv\": \"P-256\", \"x\": \"WOjlw-"
    "8ZxYdVOCo30FnZqjAPMcxMBGPXpb0OZcmyBUY\", \"y\": \"p4wj3Lhb5uWsw5EHVq5_v4pxaTLnxkkn3QWm7m"
    "Ta4C0\"}]}";

/* Signed by the second of them: corpus/id_token/ec. */
static const char signed_token[] =
    "eyJhbGciOiAiRVMyNTYiLCAia2lkIjogImVjIn0.eyJpc3MiOiAiaHR0cHM6Ly9sb2dpbi5leGFtcGxlIiwgImF1ZCI6"
    "ICJpc3RobXVzIiwgIm5vbmNlIjogIm9uY2UiLCAiaWF0IjogMTc5NjAwMDAwMCwgImV4cCI6IDE3OTYwMDAzMDAsICJz"
    "dWIiOiAiYWxpY2UtN2YzYSIsICJlbWFpbCI6ICJhbGljZUBleGFtcGxlLm9yZyIsICJlbWFpbF92ZXJpZmllZCI6IHRy"
    "dWV9.G4gWOdvyF0TbuVCXbBbxCzURZ5lfoOsh-67O6C55W2ZjEKXioeqxrg6NQjjlkeNX33IwcOSNzUS1A_sWvVBbCA";
