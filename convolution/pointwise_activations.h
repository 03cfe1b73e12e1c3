// The activations of pointwise.h, for registers as pointwise_vectors.h defines them, which includes this twice.

// exponential is exp(x) for x up to 0 and some 88 above it: 2^n times a polynomial.
INLINE TARGET vector VECTORS(exponential)(vector x) {
	x = LARGER(SPREAD(-87.3f), SMALLER(SPREAD(88.3f), x)); // NaN stays
	const VECTORS(whole) n = WHOLE(x * SPREAD(1.44269504f));
	vector r = FMA(FLOATS(n), SPREAD(-0.693359375f), x);
	r = FMA(FLOATS(n), SPREAD(2.12194440e-4f), r);
	vector p = SPREAD(1.9875691500e-4f);
	p = FMA(p, r, SPREAD(1.3981999507e-3f));
	p = FMA(p, r, SPREAD(8.3334519073e-3f));
	p = FMA(p, r, SPREAD(4.1665795894e-2f));
	p = FMA(p, r, SPREAD(1.6666665459e-1f));
	p = FMA(p, r, SPREAD(5.0000001201e-1f));
	p = FMA(p, r * r, r) + SPREAD(1);
	return p * EXPONENT(n);
}

INLINE TARGET vector VECTORS(sigmoid)(vector x) {
	const vector e = VECTORS(exponential)(-x);
	return SPREAD(1) / (SPREAD(1) + ABOVE(-x, SPREAD(88.3f), SPREAD(INFINITY), e));
}

// swish is x / (1 + exp(-x)), where exp(-x) is 2^n times a polynomial, whose exponent is raised by the lowest bits of n plus
// a large number. It is half of that first, which has no exponent for the numbers of float32, so that the sum becomes
// infinite where it should.
INLINE TARGET vector VECTORS(swish)(vector x) {
	const vector large = SPREAD(12582912), within = LARGER(SPREAD(-89), SMALLER(SPREAD(87), x)), n = FMA(within, SPREAD(-1.44269502f), large);
	vector f = FMA(within, SPREAD(-1.44269502f), large - n);
	f = FMA(within, SPREAD(-1.92596303e-8f), f);
	vector p = SPREAD(6.63823506e-4f);
	p = FMA(p, f, SPREAD(4.83777048e-3f));
	p = FMA(p, f, SPREAD(2.77535673e-2f));
	p = FMA(p, f, SPREAD(1.20110601e-1f));
	p = FMA(p, f, SPREAD(3.46573472e-1f));
	p = FMA(p, f, SPREAD(0.50000006f));
	return x / FMA(RAISE(p, n), SPREAD(2), SPREAD(1));
}

INLINE TARGET vector VECTORS(relu6)(vector x) { return LARGER(SPREAD(0), SMALLER(SPREAD(6), x)); }

// error_function is erf(x): an odd polynomial by an even one, as in Eigen, and 1 from 4 on.
INLINE TARGET vector VECTORS(error_function)(vector x) {
	const vector y = LARGER(SPREAD(-4), SMALLER(SPREAD(4), x)), z = y * y; // NaN stays
	vector p = SPREAD(-2.72614225801306e-10f);
	p = FMA(p, z, SPREAD(2.77068142495902e-08f));
	p = FMA(p, z, SPREAD(-2.10102402082508e-06f));
	p = FMA(p, z, SPREAD(-5.69250639462346e-05f));
	p = FMA(p, z, SPREAD(-7.34990630326855e-04f));
	p = FMA(p, z, SPREAD(-2.95459980854025e-03f));
	p = FMA(p, z, SPREAD(-1.60960333262415e-02f));
	vector q = SPREAD(-1.45660718464996e-05f);
	q = FMA(q, z, SPREAD(-2.13374055278905e-04f));
	q = FMA(q, z, SPREAD(-1.68282697438203e-03f));
	q = FMA(q, z, SPREAD(-7.37332916720468e-03f));
	q = FMA(q, z, SPREAD(-1.42647390514189e-02f));
	return ABOVE(x, SPREAD(4), SPREAD(1), ABOVE(-x, SPREAD(4), SPREAD(-1), p * y / q));
}

INLINE TARGET vector VECTORS(gelu)(vector x) {
	const vector half = x * SPREAD(0.5f);
	return half * (SPREAD(1) + VECTORS(error_function)(x * SPREAD(0.707106781f)));
}

INLINE TARGET vector VECTORS(activate)(enum pointwise_activation activation, vector x) {
	switch (activation) {
	case pointwise_relu: return LARGER(SPREAD(0), x);
	case pointwise_relu6: return VECTORS(relu6)(x);
	case pointwise_swish: return VECTORS(swish)(x);
	case pointwise_gelu: return VECTORS(gelu)(x);
	case pointwise_sigmoid: return VECTORS(sigmoid)(x);
	case pointwise_hard_swish: return x * VECTORS(relu6)(x + SPREAD(3)) * SPREAD(1 / 6.f);
	case pointwise_hard_sigmoid: return VECTORS(relu6)(x + SPREAD(3)) * SPREAD(1 / 6.f);
	default: return x;
	}
}
