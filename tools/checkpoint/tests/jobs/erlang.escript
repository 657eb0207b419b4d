%% SPDX-License-Identifier: GPL-2.0
%% Processes, tables, timers and a port: half of the work, a wait, the other half.
-mode(compile).

main(_) ->
    Table = ets:new(sums, [public, {write_concurrency, true}]),
    Self = self(),
    Workers = [spawn_link(fun() -> worker(Table, Self) end) || _ <- lists:seq(1, 50)],
    Port = open_port({spawn, "cat"}, [binary, stream]),
    {ok, Timer} = timer:send_interval(20, tick),
    work(Workers, 1, 2000),
    ok = file:write_file("half", <<>>),
    wait(),
    %% One that comes after the wait.
    ticks(3),
    {ok, cancel} = timer:cancel(Timer),
    work(Workers, 2001, 4000),
    Port ! {self(), {command, <<"through a port\n">>}},
    receive {Port, {data, Text}} -> io:put_chars(Text) end,
    [W ! stop || W <- Workers],
    io:format("~p~n", [lists:sort(ets:tab2list(Table))]),
    io:format("~p~n", [erlang:phash2(ets:tab2list(Table))]).

worker(Table, Main) ->
    receive
        stop -> ok;
        N ->
            ets:update_counter(Table, N rem 10, N * N, {N rem 10, 0}),
            Main ! done,
            worker(Table, Main)
    end.

work(Workers, From, To) ->
    Count = length(Workers),
    [lists:nth(N rem Count + 1, Workers) ! N || N <- lists:seq(From, To)],
    [receive done -> ok end || _ <- lists:seq(From, To)].

wait() ->
    case file:read_file_info("go") of
        {ok, _} -> flush();
        _ -> timer:sleep(10), wait()
    end.

flush() ->
    receive tick -> flush() after 0 -> ok end.

ticks(0) -> ok;
ticks(N) -> receive tick -> ticks(N - 1) end.
