// The kernel for batch norm, and for other norms whose runs are long or whose tiles have several
// rows.
//
// Each thread has blocks of its own. If there are too few blocks, or a tile is too large for the
// cache of one core, all threads share each block and reduce their sums.
#pragma once

#include <omp.h>

#include <string>
#include <vector>

#include "harness/core/backend.h"
#include "impls/simd/blocks.h"
#include "impls/simd/overflow.h"
#include "impls/simd/scratch.h"

namespace simd {

template <class T>
class SegmentsKernel : public normbench::Kernel {
  using Real = normbench::Parameter<T>;

 public:
  SegmentsKernel(const normbench::Problem& problem, const normbench::Arguments& arguments,
                 const Plan& plan, const Functions<T>& table)
      : problem_(problem),
        arguments_(arguments),
        plan_(plan),
        table_(table),
        functions_(plan.segment == 1 ? table_.columns : table_.runs),
        all_reduce_(plan.shared ? plan.threads : 1, plan.block_tiles * plan.segments_of_tile) {
    const Index segments = plan.block_tiles * plan.segments_of_tile;
    for (int i = 0; i < plan.threads; ++i) {
      scratch_.emplace_back(segments, accumulates() ? plan.tiles.parameters() : 0);
      spare_.emplace_back(plan.segments_of_tile, 0);
    }
    const auto constants = static_cast<std::size_t>(plan.tiles.parameters());
    ones_.assign(arguments.gamma.present() ? 0 : constants, 1);
    zeros_.assign(arguments.beta.present() ? 0 : constants, 0);
  }

  void run() override {
    if (plan_.threads == 1) return work(0, 1);
#pragma omp parallel num_threads(plan_.threads)
    work(omp_get_thread_num(), omp_get_num_threads());
  }

  std::string detail() const override { return table_.target + (", " + plan_.detail()); }

 private:
  // Whether several tiles contribute to the gradient of a parameter. The gradients are then
  // accumulated over a mini-batch.
  bool accumulates() const {
    return problem_.backward() && problem_.affine && problem_.norm != normbench::Norm::kBatch;
  }
  bool trains() const { return problem_.pass == normbench::Pass::kForwardTraining; }
  bool updates() const { return trains() && arguments_.running_mean.present(); }
  // Running statistics are updated in the order of mini-batches. If threads work on different ones,
  // this waits until all are done.
  bool updates_at_the_end() const {
    return plan_.threads > 1 && !plan_.shared && plan_.blocks_down > 1;
  }
  // Whether this thread stores the results: of the threads that share a block, only the first does.
  bool is_leader(const Block& b) const { return !plan_.shared || b.thread == 0; }

  void work(int thread, int team) {
    const Index batches = accumulates() ? problem_.mini_batches() : 1;
    const Index down = plan_.blocks_down / batches;
    const Index blocks = down * plan_.blocks_across();
    Scratch<Real>& scratch = scratch_[static_cast<std::size_t>(thread)];
    for (Index batch = 0; batch < batches; ++batch) {
      if (accumulates()) scratch.clear_gradients();
      const Range mine = plan_.shared ? Range{0, blocks} : share_of(blocks, thread, team);
      Block next = block_of(plan_, batch * blocks + mine.first, thread, team);
      for (Index i = 1; i <= mine.size; ++i) {
        Block b = next;
        if (i < mine.size) {
          next = block_of(plan_, batch * blocks + mine.first + i, thread, team);
          b.next = next.offset - b.offset;
        }
        process(scratch, b);
      }
      if (accumulates()) add_up_gradients(batch, thread, team);
    }
    if (updates() && updates_at_the_end()) {
#pragma omp barrier
      const Range channels = share_of(plan_.tiles.across(), thread, team, 16);
      for (Index i = 0; i < plan_.blocks_down; ++i) update_running(i, channels);
    }
  }

  void process(Scratch<Real>& scratch, const Block& b) {
    if (problem_.uses_running_statistics()) {
      load_running(scratch, b);
    } else if (problem_.backward()) {
      load_saved(scratch, b);
    } else {
      find_statistics(scratch, b);
      if (trains() && is_leader(b)) save_statistics(scratch, b);
    }
    if (plan_.one_read) return apply(scratch, b);
    const Real* mean = broadcast(scratch.mean, scratch.broadcast_mean, b);
    const Real* scale = find_scale(scratch, b);
    if (problem_.backward()) return backward(scratch, b, mean, scale);
    const Real* beta = parameters(arguments_.beta, zeros_, scratch.beta, b);
    functions_.normalize(data<T>(arguments_.x, b.offset), data<T>(arguments_.y, b.offset),
                         region_for_writing(plan_, b), mean, scale, beta, plan_.streaming);
    if (updates() && !updates_at_the_end() && is_leader(b)) {
      update_running(b.down, {b.first_tile, b.tiles});
    }
  }

  // Batch norm in inference, folded: y = x * scale + bias.
  void apply(Scratch<Real>& scratch, const Block& b) const {
    Real* scale = scratch.scale.data();
    Real* bias = scratch.constant.data();
    table_.statistics.multiply(b.tiles, scratch.rstd.data(), numbers(arguments_.gamma, ones_, b),
                               scale);
    table_.statistics.fold(b.tiles, scratch.mean.data(), scale, numbers(arguments_.beta, zeros_, b),
                           bias);
    functions_.apply(data<T>(arguments_.x, b.offset), data<T>(arguments_.y, b.offset),
                     region_for_writing(plan_, b),
                     broadcast(scratch.scale, scratch.broadcast_scale, b),
                     broadcast(scratch.constant, scratch.broadcast_constant, b), plan_.streaming);
  }

  // Broadcasts the values of tiles to their segments.
  const Real* broadcast(const Numbers<Real>& of_tiles, Numbers<Real>& of_segments,
                        const Block& b) const {
    if (b.segments_of_tile == 1) return of_tiles.data();
    return broadcast(of_tiles.data(), of_segments, b);
  }
  const Real* broadcast(const Real* of_tiles, Numbers<Real>& of_segments, const Block& b) const {
    if (plan_.packed_rows == 1) {
      table_.statistics.broadcast(b.tiles, b.segments_of_tile, of_tiles, of_segments.data());
    } else {
      for (Index i = 0; i < b.segments; i += b.tiles)
        std::copy_n(of_tiles, b.tiles, &of_segments[at(i)]);
    }
    return of_segments.data();
  }

  // gamma or beta of the block: an element per segment if segments_are_parameters(), else per tile.
  const Real* numbers(const normbench::Tensor& tensor, const Numbers<Real>& absent,
                      const Block& b) const {
    const Real* all = tensor.present() ? data<Real>(tensor) : absent.data();
    return all + (plan_.segments_are_parameters() ? b.first_segment : b.first_tile);
  }

  // The same, broadcast to an element per segment.
  const Real* parameters(const normbench::Tensor& tensor, const Numbers<Real>& absent,
                         Numbers<Real>& of_segments, const Block& b) const {
    const Real* own = numbers(tensor, absent, b);
    return plan_.segments_are_parameters() ? own : broadcast(own, of_segments, b);
  }

  // rstd * gamma per segment.
  const Real* find_scale(Scratch<Real>& scratch, const Block& b) const {
    const Real* gamma = numbers(arguments_.gamma, ones_, b);
    if (plan_.segments_are_parameters()) {
      const Real* rstd = broadcast(scratch.rstd, scratch.broadcast_rstd, b);
      table_.statistics.multiply(b.segments, rstd, gamma, scratch.scale.data());
      return scratch.scale.data();
    }
    table_.statistics.multiply(b.tiles, scratch.rstd.data(), gamma, scratch.scale.data());
    return broadcast(scratch.scale, scratch.broadcast_scale, b);
  }

  void load_running(Scratch<Real>& scratch, const Block& b) const {
    const auto tiles = static_cast<std::size_t>(b.tiles);
    std::copy_n(data<Real>(arguments_.running_mean, b.first_tile), tiles, scratch.mean.begin());
    table_.statistics.rstd(b.tiles, data<Real>(arguments_.running_var, b.first_tile), problem_.eps,
                           scratch.rstd.data());
  }

  Index statistic(const Block& b) const { return b.down * plan_.tiles.across() + b.first_tile; }

  void load_saved(Scratch<Real>& scratch, const Block& b) const {
    const auto tiles = static_cast<std::size_t>(b.tiles);
    std::copy_n(data<Real>(arguments_.mean, statistic(b)), tiles, scratch.mean.begin());
    std::copy_n(data<Real>(arguments_.rstd, statistic(b)), tiles, scratch.rstd.begin());
  }

  void save_statistics(const Scratch<Real>& scratch, const Block& b) const {
    const auto tiles = static_cast<std::size_t>(b.tiles);
    std::copy_n(scratch.mean.begin(), tiles, data<Real>(arguments_.mean, statistic(b)));
    std::copy_n(scratch.variance.begin(), tiles, data<Real>(arguments_.variance, statistic(b)));
    std::copy_n(scratch.rstd.begin(), tiles, data<Real>(arguments_.rstd, statistic(b)));
  }

  void update_running(Index scratch, Range channels) const {
    const Index first = scratch * plan_.tiles.across() + channels.first;
    const auto n = static_cast<double>(plan_.tiles.values());
    table_.statistics.update(channels.size, data<Real>(arguments_.mean, first),
                             data<Real>(arguments_.variance, first), problem_.momentum, n / (n - 1),
                             data<Real>(arguments_.running_mean, channels.first),
                             data<Real>(arguments_.running_var, channels.first));
  }

  void find_statistics(Scratch<Real>& scratch, const Block& b) {
    find_pivot(scratch, b);
    if (sum_and_conclude(scratch, b)) return;
    for (Index i = 0; i < b.tiles; ++i) find_anew(scratch, b, i);
  }

  // Each thread samples the whole block, so threads that share a block find the same pivot.
  void find_pivot(Scratch<Real>& scratch, const Block& b) {
    constexpr Index kEnoughValues = 8;
    const T* x = data<T>(arguments_.x, offset_of_whole(plan_, b));
    if (plan_.tiles.run >= kEnoughValues && plan_.tiles.run == plan_.tiles.tile_columns) {
      table_.runs.find_pivot(x, region_of_tiles(plan_, b), scratch.pivot.data());
    } else if (plan_.packed_rows > 1 || b.segments_of_tile == 1) {
      functions_.find_pivot(x, region_of_whole(plan_, b), scratch.pivot.data());
    } else {
      functions_.find_pivot(x, region_of_whole(plan_, b), scratch.broadcast_mean.data());
      functions_.join_pivots(b.tiles, b.segments_of_tile, scratch.broadcast_mean.data(),
                             scratch.pivot.data());
    }
  }

  // Returns what conclude() returns: whether the statistics are good.
  bool sum_and_conclude(Scratch<Real>& scratch, const Block& b) {
    functions_.sum_forward(data<T>(arguments_.x, b.offset), region_for_sums(plan_, b),
                           broadcast(scratch.pivot, scratch.broadcast_mean, b), scratch.a.data(),
                           scratch.ab.data());
    add_up_tiles(scratch, b);
    all_reduce_.add_up(scratch, b.tiles, b.thread, b.team, table_.statistics);
    return table_.statistics.conclude(
        b.tiles, scratch.a.data(), scratch.ab.data(), scratch.pivot.data(), plan_.count(),
        problem_.eps, scratch.mean.data(), scratch.variance.data(), scratch.rstd.data());
  }

  // Sums a tile again if its pivot was too far off, with its mean as the pivot, or if its squares
  // overflowed, in double.
  void find_anew(Scratch<Real>& scratch, const Block& b, Index tile) {
    const double off = static_cast<double>(scratch.mean[at(tile)] - scratch.pivot[at(tile)]);
    const bool too_large = overflows(scratch.mean[at(tile)], scratch.variance[at(tile)]);
    if (!too_large && !(off * off > static_cast<double>(scratch.variance[at(tile)]))) return;
    Block one = b;
    one.tiles = 1;
    one.region.rows *= plan_.packed_rows;
    one.region.row_stride /= plan_.packed_rows;
    one.segments_of_tile /= plan_.packed_rows;
    one.segments = one.region.segments = one.segments_of_tile;
    one.offset += tile * plan_.tiles.tile_columns;
    Scratch<Real>& spare = spare_[static_cast<std::size_t>(b.thread)];
    spare.reductions = scratch.reductions;
    spare.pivot[0] = scratch.mean[at(tile)];
    if (too_large) {
      find_in_doubles(is_centered(problem_), plan_.count(), problem_.eps, spare.mean[0],
                      spare.variance[0], spare.rstd[0], [&](double pivot, double& a, double& ab) {
                        sum_in_doubles(data<T>(arguments_.x, one.offset), one.region, pivot,
                                       spare.a[0], spare.ab[0]);
                        all_reduce_.add_up(spare, 1, one.thread, one.team, table_.statistics);
                        a = spare.a[0];
                        ab = spare.ab[0];
                      });
    } else {
      sum_and_conclude(spare, one);
    }
    scratch.reductions = spare.reductions;
    scratch.mean[at(tile)] = spare.mean[0];
    scratch.variance[at(tile)] = spare.variance[0];
    scratch.rstd[at(tile)] = spare.rstd[0];
  }

  // Reduces the sums of segments to sums of tiles.
  void add_up_tiles(Scratch<Real>& scratch, const Block& b) const {
    if (b.segments_of_tile == 1) return;
    for (auto* sums : {&scratch.a, &scratch.ab}) {
      if (plan_.packed_rows == 1) {
        table_.statistics.add_up(b.tiles, b.segments_of_tile, sums->data());
      } else {
        for (Index i = b.tiles; i < b.segments; i += b.tiles) {
          table_.statistics.add(b.tiles, &(*sums)[at(i)], sums->data());
        }
      }
    }
  }

  void backward(Scratch<Real>& scratch, const Block& b, const Real* mean, const Real* scale) {
    const T* x = data<T>(arguments_.x, b.offset);
    const T* dy = data<T>(arguments_.dy, b.offset);
    functions_.sum_backward(x, dy, region_for_sums(plan_, b), mean, scratch.a.data(),
                            scratch.ab.data());
    take_gradients(scratch, b);
    T* dx = data<T>(arguments_.dx, b.offset);
    if (problem_.uses_running_statistics()) {
      return functions_.rescale(dy, dx, region_for_writing(plan_, b), scale, plan_.streaming);
    }
    table_.statistics.slopes(b.tiles, scratch.a.data(), scratch.ab.data(), scratch.rstd.data(),
                             plan_.count(), scratch.constant.data(), scratch.slope.data());
    functions_.differentiate(x, dy, dx, region_for_writing(plan_, b), mean, scale,
                             broadcast(scratch.constant, scratch.broadcast_constant, b),
                             broadcast(scratch.slope, scratch.broadcast_slope, b), plan_.streaming);
  }

  // Stores (or accumulates) dgamma and dbeta, from the sums of dy and dy * (x - mean) per segment.
  // Leaves the sums of g and g * (x - mean) per tile, where g = dy * gamma.
  void take_gradients(Scratch<Real>& scratch, const Block& b) {
    const bool by_segment = plan_.segments_are_parameters();
    if (!by_segment) add_up_tiles(scratch, b);
    const Index size = by_segment ? b.segments : b.tiles;
    all_reduce_.add_up(scratch, size, b.thread, b.team, table_.statistics);
    const Index first = by_segment ? b.first_segment : b.first_tile;
    const Real* rstd = by_segment && plan_.segments_of_tile > 1 ? scratch.broadcast_rstd.data()
                                                                : scratch.rstd.data();
    const bool saves = arguments_.dgamma.present() && is_leader(b);
    if (accumulates()) {
      if (saves) scratch.accumulate(first, size, rstd);
    } else if (saves) {
      const Index at = b.down * plan_.tiles.parameters() + first;
      table_.statistics.gradients(size, scratch.a.data(), scratch.ab.data(), rstd,
                                  data<Real>(arguments_.dbeta, at),
                                  data<Real>(arguments_.dgamma, at));
    }
    if (arguments_.gamma.present()) {
      table_.statistics.weigh(size, numbers(arguments_.gamma, ones_, b), scratch.a.data(),
                              scratch.ab.data());
    }
    if (by_segment) add_up_tiles(scratch, b);
  }

  // Collective. Reduces what the threads accumulated in a mini-batch into dgamma and dbeta.
  void add_up_gradients(Index batch, int thread, int team) {
#pragma omp barrier
    const Index all = plan_.tiles.parameters();
    const Range mine = share_of(all, thread, team, 16);
    Real* dbeta = data<Real>(arguments_.dbeta, batch * all);
    Real* dgamma = data<Real>(arguments_.dgamma, batch * all);
    for (Index i = mine.first; i < mine.first + mine.size; ++i) {
      double sum = 0;
      double weighted = 0;
      for (int k = 0; k < team; ++k) {
        sum += scratch_[static_cast<std::size_t>(k)].dbeta[at(i)];
        weighted += scratch_[static_cast<std::size_t>(k)].dgamma[at(i)];
      }
      dbeta[i] = static_cast<Real>(sum);
      dgamma[i] = static_cast<Real>(weighted);
    }
#pragma omp barrier
  }

  static std::size_t at(Index index) { return static_cast<std::size_t>(index); }

  normbench::Problem problem_;
  normbench::Arguments arguments_;
  Plan plan_;
  const Functions<T>& table_;
  const SegmentFunctions<T>& functions_;
  AllReduce all_reduce_;
  std::vector<Scratch<Real>> scratch_, spare_;  // per thread
  Numbers<Real> ones_, zeros_;                  // in place of absent parameters
};

}  // namespace simd
