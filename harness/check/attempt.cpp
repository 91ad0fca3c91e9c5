// Exceptions and the state of processes, as verdicts.
#include "harness/check/attempt.h"

#include <exception>
#include <string>

#include "harness/check/process_state.h"
#include "harness/check/remote.h"

namespace normbench {
namespace {

Verdict failed(std::string_view words, std::string_view reason) {
  return {.outcome = Outcome::kFailed, .reason = std::string(words) + std::string(reason)};
}

std::optional<Verdict> thrown_by(std::string_view words, const std::function<void()>& work) {
  try {
    work();
  } catch (const Interrupted&) {
    throw;
  } catch (const WorkerLost& lost) {
    return Verdict{.outcome = lost.outcome(), .reason = lost.what()};
  } catch (const std::exception& error) {
    return failed(words, error.what());
  } catch (...) {
    return failed(words, "something that is not a std::exception");
  }
  return std::nullopt;
}

}  // namespace

std::optional<Verdict> attempt(const Backend& backend, const AttemptWords& words,
                               const std::function<void()>& work) {
  std::optional<std::string> left;
  std::optional<Verdict> verdict;
  if (const auto* const remote = dynamic_cast<const RemoteBackend*>(&backend)) {
    verdict = thrown_by(words.thrown, work);
    if (verdict && verdict->outcome != Outcome::kFailed) return verdict;  // nobody is there to ask
    const auto lost = thrown_by(words.thrown, [&] { left = remote->left(); });
    if (lost) return lost;
  } else {
    const ProcessState before;
    verdict = thrown_by(words.thrown, work);
    left = before.restore();
  }
  if (!left) return verdict;
  if (!verdict) return failed(words.left, *left);
  verdict->reason += "; and " + *left;
  return verdict;
}

}  // namespace normbench
