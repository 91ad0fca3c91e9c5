/* A backend in a shared object of its own, for --plugin ./libmine.so: README.md says how to begin.
   The only symbol looked for is normbench_plugin(). Every struct begins with its size, or has it
   behind magic and ABI: a field is there only if the size covers it, and later versions add fields
   at the end. Text is UTF-8; what a plugin returns is read before it is called again. */
#ifndef NORMBENCH_H
#define NORMBENCH_H

#include <stddef.h>
#include <stdint.h>

#define NORMBENCH_MAGIC UINT64_C(0x6E6F726D62656E63) /* "normbenc" */
#define NORMBENCH_ABI UINT32_C(1)

struct normbench_problem {
  size_t size;
  const char* id;    /* "batch/forward_training/f32/ncl/n64_c256_l128": all of it, as text */
  const char* norm;  /* "batch", "layer", "instance", "group", "rms", "none" */
  const char* pass;  /* "forward_training", "forward_inference", "backward", "backward_inference" */
  const char* dtype; /* of x, y, dy, dx: "f32", "f64", "bf16", "f16" */
  const char* layout; /* "ncl" (PyTorch's contiguous) or "nlc" (channels last) */
  int64_t n, c, l;    /* samples, channels, positions; (N, C) input has l = 1; may be 0 */
  int64_t batch;      /* samples of a mini-batch, which divides n; 0 if n is 0 */
  int64_t groups;     /* of channels, for group norm */
  double eps, momentum;
  int32_t affine; /* whether there are gamma and beta */
};

enum normbench_role { NORMBENCH_INPUT, NORMBENCH_OUTPUT, NORMBENCH_UPDATED };

/* "x", "gamma", "beta", "running_mean", "running_var", "y", "mean", "variance", "rstd", "dy", "dx",
   "dgamma", "dbeta": harness/core/arguments.h has those of each pass, and their shapes. */
struct normbench_buffer {
  size_t size;
  const char* name;
  const char* dtype; /* that of statistics and parameters is "f64" for "f64", else "f32" */
  int32_t role;      /* an input is read-only */
  int32_t rank;      /* length of shape and strides, which are never NULL: 3 */
  const int64_t *shape, *strides; /* of n, c, l, whatever the layout; strides in elements */
  void* data; /* aligned to 64 bytes where it is timed, to its elements in verify */
};

/* What harness/core/backend.h explains as Accuracy, filled with these defaults. */
struct normbench_accuracy {
  size_t size;
  double roundings;   /* 0: most that a value can suffer in a sum; 0 is for sums in double */
  int32_t grade;      /* 'A': centered; 'B': folded into scale and shift */
  int32_t exact_sums; /* 1: sums of numbers with few digits come out exact */
  int32_t repeatable; /* 1: each run on the same inputs leaves the same bits */
  int32_t variance;   /* 0: of deviations; 1: by shifted moments; 2: by moments, which cancel */
  int32_t from_rstd;  /* 0; 1: collect makes the variance of a saved rstd */
};

struct normbench_backend {
  uint64_t magic;             /* NORMBENCH_MAGIC */
  uint32_t abi, size;         /* NORMBENCH_ABI, sizeof(struct normbench_backend) */
  const char *name, *version; /* version: of the library, as loaded */
  const char* (*unsupported)(const struct normbench_problem* problem); /* why, or NULL */
  /* A kernel for these buffers, whose contents may change between calls; or NULL, and *error says
     why. `threads` is the most that run may use. What is passed lives as long as the kernel. */
  void* (*prepare)(const struct normbench_problem* problem,
                   const struct normbench_buffer* const* buffers, size_t count, int32_t threads,
                   const char** error);
  void (*run)(void* kernel); /* timed: all the work, again at each call */
  void (*destroy)(void* kernel);
  /* May be NULL. */
  void (*load)(void* kernel);           /* untimed: inputs into a layout of the library's own */
  void (*collect)(void* kernel);        /* untimed: outputs out of it */
  const char* (*failure)(void* kernel); /* what went wrong in run, load or collect, or NULL */
  const char* (*detail)(void* kernel);  /* what was dispatched, for people */
  void (*accuracy)(const struct normbench_problem* problem, struct normbench_accuracy* accuracy);
  int32_t native_layout; /* 1: load or collect convert or copy */
};

/* The table, which lives as long as the process. */
#ifdef __cplusplus
extern "C"
#endif
    __attribute__((visibility("default"))) const struct normbench_backend*
    normbench_plugin(void);
#endif
