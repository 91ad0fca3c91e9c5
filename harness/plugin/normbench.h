/* A backend in a shared object of its own: normbench run CONFIG --plugin ./libmine.so
   The only symbol looked for is normbench_plugin(). README.md beside this file says how to begin.

   Every struct begins with its size, or has it behind magic and ABI: a field is there only if the
   size covers it, and later versions add fields at the end. Text is UTF-8 and stays its maker's. */
#ifndef NORMBENCH_H
#define NORMBENCH_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define NORMBENCH_MAGIC UINT64_C(0x6E6F726D62656E63) /* "normbenc" */
#define NORMBENCH_ABI UINT32_C(1)

struct normbench_problem {
  size_t size;
  const char* id;     /* "batch/forward_training/f32/ncl/n64_c256_l128": all of it, as text */
  const char* norm;   /* "batch", "layer", "instance", "group", "rms", "none" */
  const char* pass;   /* "forward_training", "forward_inference", "backward", "backward_inference" */
  const char* dtype;  /* of x, y, dy, dx: "f32", "f64", "bf16", "f16" */
  const char* layout; /* "ncl" (PyTorch's contiguous) or "nlc" (channels last) */
  int64_t n, c, l;    /* samples, channels, positions; (N, C) input has l = 1 */
  int64_t batch;      /* samples of a mini-batch, which divides n */
  int64_t groups;     /* of channels, for group norm */
  double eps, momentum;
  int32_t affine; /* whether there are gamma and beta */
};

enum normbench_role { NORMBENCH_INPUT, NORMBENCH_OUTPUT, NORMBENCH_UPDATED };

/* harness/core/arguments.h says which pass has which buffers, and their shapes. */
struct normbench_buffer {
  size_t size;
  const char* name;  /* "x", "gamma", "beta", "running_mean", "running_var", "y", "mean",
                        "variance", "rstd", "dy", "dx", "dgamma", "dbeta" */
  const char* dtype; /* of statistics and parameters "f64" for "f64", else "f32" */
  int32_t role;      /* an input is read-only */
  int32_t rank;      /* length of shape and strides, which are never NULL: 3, for n, c, l */
  const int64_t* shape;
  const int64_t* strides; /* in elements */
  void* data;             /* aligned to 64 bytes where it is timed, to its elements in verify */
};

/* What harness/core/backend.h explains as Accuracy; it comes filled with the defaults. */
struct normbench_accuracy {
  size_t size;
  double roundings;   /* most that a value can suffer in a sum: 0, sums in double */
  int32_t grade;      /* 'A': centered, the default; 'B': folded into scale and shift */
  int32_t exact_sums; /* 1: sums of numbers with few digits come out exact */
  int32_t repeatable; /* 1: each run on the same inputs leaves the same bits */
};

struct normbench_backend {
  uint64_t magic; /* NORMBENCH_MAGIC */
  uint32_t abi;   /* NORMBENCH_ABI */
  uint32_t size;  /* sizeof(struct normbench_backend) */
  const char* name;
  const char* version; /* of the library, as loaded */
  /* Why the problem is not taken, or NULL. What is not asked here is not prepared. */
  const char* (*unsupported)(const struct normbench_problem* problem);
  /* A kernel for these buffers, whose contents may change between calls; or NULL, and *error says
     why. `threads` is the most that run may use. What is passed lives as long as the kernel. */
  void* (*prepare)(const struct normbench_problem* problem,
                   const struct normbench_buffer* const* buffers, size_t count, int32_t threads,
                   const char** error);
  void (*run)(void* kernel); /* timed: all the work, again at each call */
  void (*destroy)(void* kernel);
  /* These may be NULL. */
  void (*load)(void* kernel);          /* untimed: inputs into a layout of the library's own */
  void (*collect)(void* kernel);       /* untimed: outputs out of it */
  const char* (*detail)(void* kernel); /* what was dispatched, for people */
  void (*accuracy)(const struct normbench_problem* problem, struct normbench_accuracy* accuracy);
  int32_t native_layout; /* 1: load or collect convert or copy */
};

/* The table, which lives as long as the process. */
const struct normbench_backend* normbench_plugin(void);

#ifdef __cplusplus
}
#endif

#endif
