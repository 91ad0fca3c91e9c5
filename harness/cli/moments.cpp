// Prints what is lost in moments.
#include "harness/cli/moments.h"

#include <fmt/format.h>

#include "harness/cli/streams.h"

namespace normbench {
namespace {

// "off by up to 0.31 of itself on random input, 3 of 1200 negative and 1 NaN".
std::string words(InputKind kind, const VarianceLoss& loss) {
  std::string text;
  // The variance of constant input is zero.
  if (loss.relative > 0) text = fmt::format("off by up to {:.2g} of itself ", loss.relative);
  text += fmt::format("on {} input", name(kind));
  if (loss.negative > 0) text += fmt::format(", {} of {} negative", loss.negative, loss.values);
  if (loss.not_numbers > 0) text += fmt::format(", {} of {} NaN", loss.not_numbers, loss.values);
  return text;
}

}  // namespace

void MomentsReport::see(const Backend& backend, const Verdict& verdict) {
  for (std::size_t kind = 0; kind < verdict.loss_of.size(); ++kind) {
    const VarianceLoss& loss = verdict.loss_of[kind];
    if (loss.values > 0) losses_[std::string(backend.name())][kind].see(loss);
  }
}

void MomentsReport::print() const {
  for (const auto& [backend, losses] : losses_) {
    std::string text;
    for (const InputKind kind : kEveryInputKind) {
      const VarianceLoss& loss = losses[static_cast<std::size_t>(kind)];
      const bool is_worth_telling = loss.relative > 0 || loss.negative + loss.not_numbers > 0;
      if (is_worth_telling) text += (text.empty() ? "" : "; ") + words(kind, loss);
    }
    out("{}: variance by moments, cancels: {}\n", backend, text);
  }
}

}  // namespace normbench
