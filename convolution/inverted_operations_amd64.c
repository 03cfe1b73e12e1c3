// The operation of inverted.h, by TensorFlow's C API for kernels.

#include "crew.h"
#include "inverted.h"
#include "maps.h"
#include "operations.h"

// The attributes of an inverted bottleneck, all numbers. The window is the depthwise convolution's.
struct settings {
	struct window window;
	int32_t expands, gated, sum; // whether there are these parts
	int32_t expand, depth, squeeze, excite, project; // activations
	int32_t wide;
};

#define NAMES "expands", "gated", "sum", "expand", "depth", "squeeze", "excite", "project", "wide"

static void *read_settings(TF_OpKernelConstruction *construction) {
	static const char *const names[] = {WINDOW_NAMES, NAMES};
	enum { count = sizeof names / sizeof *names };
	_Static_assert(sizeof(struct settings) == count * sizeof(int32_t), "each has its name");
	int32_t values[count] = {0};
	TF_Status *status = TF_NewStatus();
	read_numbers(construction, names, count, values, status);
	struct settings s;
	memcpy(&s, values, sizeof s);
	const int activations = activation_fits(s.expand) && activation_fits(s.depth) && activation_fits(s.squeeze) && activation_fits(s.excite) && activation_fits(s.project);
	if (TF_GetCode(status) == TF_OK && (!window_fits(&s.window) || !activations))
		TF_SetStatus(status, TF_INVALID_ARGUMENT, "an attribute of the inverted bottleneck is out of range");
	return keep(construction, status, &s, sizeof s);
}

// inputs_of is how many inputs there are: pictures, kernels and biases, and the residual.
static int inputs_of(const struct settings *s) { return 5 + (s->expands ? 2 : 0) + (s->gated ? 4 : 0) + (s->sum ? 1 : 0); }

// packed reads a kernel of 1x1 and its bias, which are an input and the next one, for so many channels, and returns how many
// channels come out, 0 if they do not fit.
static int64_t packed(const struct call *call, int input, int64_t in, const float **kernel, const float **bias) {
	int64_t k[4], b[1];
	if (!shape(call, input, TF_FLOAT, 4, k) || !shape(call, input + 1, TF_FLOAT, 1, b) || k[0] != (b[0] + lanes - 1) / lanes || k[1] != pointwise_lines(1, 1, in) || k[2] != lanes || k[3] != lanes)
		return 0;
	*kernel = data(call, input);
	*bias = data(call, input + 1);
	return b[0];
}

static struct pointwise_convolution product_of(const struct pointwise_convolution *c, int64_t in, int64_t out, int32_t activation) {
	static const struct window one = {.kernel_height = 1, .kernel_width = 1, .down = 1, .across = 1};
	const int64_t x[] = {c->pictures, c->out_height, c->out_width, in};
	return seen_through(&one, x, out, (enum pointwise_activation)activation);
}

// read_parts finds what is computed, if all inputs fit each other.
static int read_parts(const struct settings *s, const struct call *call, const int64_t x[4], struct inverted *b, struct inverted_kernels *k) {
	int at = 1;
	int64_t d[4], d_bias[1], maps[] = {x[0], x[1], x[2], x[3]};
	if (s->expands) {
		const struct pointwise_convolution pictures = {.pictures = x[0], .out_height = x[1], .out_width = x[2]};
		if ((maps[3] = packed(call, at, x[3], &k->expand, &k->expand_bias)) == 0) return 0;
		b->expand = product_of(&pictures, x[3], maps[3], s->expand);
		at += 2;
	}
	if (!shape(call, at, TF_FLOAT, 4, d) || !shape(call, at + 1, TF_FLOAT, 1, d_bias) || d[0] != s->window.kernel_height || d[1] != s->window.kernel_width ||
	    d[2] != maps[3] || d[3] != 1 || d_bias[0] != maps[3])
		return 0;
	b->depth = seen_through(&s->window, maps, maps[3], (enum pointwise_activation)s->depth);
	k->depth = data(call, at);
	k->depth_bias = data(call, at + 1);
	at += 2;
	if (s->gated) {
		b->squeezed = packed(call, at, maps[3], &k->squeeze, &k->squeeze_bias);
		b->squeeze = (enum pointwise_activation)s->squeeze;
		b->excite = (enum pointwise_activation)s->excite;
		if (b->squeezed == 0 || packed(call, at + 2, b->squeezed, &k->excite, &k->excite_bias) != maps[3]) return 0;
		at += 4;
	}
	const int64_t out = packed(call, at, maps[3], &k->project, &k->project_bias);
	b->project = product_of(&b->depth, maps[3], out, s->project);
	return out > 0;
}

static void invert(const struct settings *s, struct call *call) {
	int64_t x[4], added[4];
	struct inverted b = {0};
	struct inverted_kernels k = {0};
	const int residual = inputs_of(s) - 1;
	if (!maps_of(call, 0, x) || (!s->expands && TF_NumDims(call->inputs[0]) != 4) || !read_parts(s, call, x, &b, &k) || (s->sum && !maps_of(call, residual, added))) {
		refuse(call, TF_INVALID_ARGUMENT, "pictures, kernels and biases of an inverted bottleneck do not fit each other");
		return;
	}
	const int64_t to[] = {x[0], b.depth.out_height, b.depth.out_width, b.project.out};
	if (to[1] < 1 || to[2] < 1 || (s->sum && memcmp(added, to, sizeof to) != 0)) {
		refuse(call, TF_INVALID_ARGUMENT, "the maps are smaller than the kernel, or of another size than what is added");
		return;
	}
	float *y = allocate(call, TF_FLOAT, to, 4);
	if (!succeeded(call) || x[0] == 0) return;
	const enum pointwise_instructions instructions = s->wide ? pointwise_avx512 : pointwise_avx2;
	const size_t shared = inverted_shared_floats(&b);
	float *memory = work(call, shared + inverted_part_floats(instructions, &b), x[3], b.project.out);
	if (memory == NULL) return;
	const struct pointwise_map none = {0};
	inverted_convolve(instructions, &b, &k, map_of(call, 0, x), s->sum ? map_of(call, residual, added) : none, pixels_map(y, to), memory, memory + shared);
}

static void inverted_kernel(void *state, TF_OpKernelContext *context) {
	struct call call = {.context = context, .status = TF_NewStatus()};
	const struct settings *s = state;
	if (take_inputs(&call, inputs_of(s))) invert(s, &call);
	end_call(&call);
}

void fovea_inverted_register(TF_Status *status) {
	static const struct operation operation = {
		"FoveaInverted",
		{"pictures: float", "others: count * float", NULL},
		"features: float",
		{"count: int", WINDOW_ATTRIBUTES, "expands: int", "gated: int", "sum: int", "expand: int", "depth: int", "squeeze: int", "excite: int", "project: int", "wide: int", NULL},
		read_settings,
		inverted_kernel,
	};
	register_operation(&operation, status);
}
