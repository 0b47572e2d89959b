#pragma once

#include <functional>
#include <list>

namespace fanout::async {

/// Where connections are until they have said what they want. It holds so many; when one more comes, the one that has
/// waited longest is turned out. So who connects and says nothing keeps nobody else out, however often it does so.
/// Lives on the I/O thread. Not thread-safe. Lifetime: outlives its guests.
class Anteroom {
 public:
  explicit Anteroom(std::size_t room) : room_(room) {}
  Anteroom(const Anteroom&) = delete;
  Anteroom& operator=(const Anteroom&) = delete;

  /// In the room for as long as it lives, unless it was turned out.
  class Guest {
   public:
    /// `turn_out` is called at most once, and must end the connection.
    Guest(Anteroom& room, std::function<void()> turn_out) : room_(room) {
      if (room.guests_.size() >= room.room_) room.turn_out_the_first();
      place_ = room.guests_.insert(room.guests_.end(), {std::move(turn_out), this});
    }
    ~Guest() {
      if (inside_) room_.guests_.erase(place_);
    }
    Guest(const Guest&) = delete;
    Guest& operator=(const Guest&) = delete;

   private:
    friend class Anteroom;
    Anteroom& room_;
    std::list<std::pair<std::function<void()>, Guest*>>::iterator place_;
    bool inside_ = true;
  };

  std::size_t size() const { return guests_.size(); }

 private:
  void turn_out_the_first() {
    if (guests_.empty()) return;
    auto [turn_out, guest] = std::move(guests_.front());
    guests_.pop_front();
    guest->inside_ = false;
    turn_out();
  }

  std::size_t room_;
  std::list<std::pair<std::function<void()>, Guest*>> guests_;
};

}  // namespace fanout::async
