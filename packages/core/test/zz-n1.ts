import { Wallet, ReviewDesk } from "../src/index.ts"
import { setTimeout as nap } from "node:timers/promises"
import { rmSync, mkdirSync } from "node:fs"
const dir="/tmp/zz/n1"; rmSync(dir,{recursive:true,force:true}); mkdirSync(dir,{recursive:true})
async function scene(name:string, run:(f:string)=>Promise<unknown>){ try{console.log(name, JSON.stringify(await run(`${dir}/${name}.db`)))}catch(e){console.log(name,"THREW",e)} }
await scene("tagSuppress", async f=>{
  const w=await Wallet.create({owner:"o",dailyLimit:100,ledger:f}); const got:string[]=[]
  w.on("nearing",n=>got.push(`${n.percent}`)); await nap(50)
  await w.pay({amount:97,to:"mandate.amended",purpose:"x"}); await nap(200)
  await w.close(); return got })
await scene("control97", async f=>{
  const w=await Wallet.create({owner:"o",dailyLimit:100,ledger:f}); const got:string[]=[]
  w.on("nearing",n=>got.push(`${n.percent}`)); await nap(50)
  await w.pay({amount:97,to:"x",purpose:"x"}); await nap(200)
  await w.close(); return got })
await scene("tagInTag", async f=>{
  const w=await Wallet.create({owner:"o",dailyLimit:100,ledger:f}); const got:string[]=[]
  w.on("nearing",n=>got.push(`${n.percent}`)); await nap(50)
  await w.pay({amount:97,to:"x",purpose:"x",tags:{a:"mandate.amended"}}); await nap(200)
  await w.close(); return got })
await scene("forAgentFirstPay", async f=>{
  const w=await Wallet.create({owner:"o",dailyLimit:1000,ledger:f}); const got:string[]=[]
  w.on("nearing",n=>got.push(`${n.limit.agent}:${n.percent}`)); await nap(50)
  const a=w.forAgent("a",{dailyLimit:10}); await a.pay({amount:9.7,to:"x",purpose:"x"}); await nap(200)
  await w.close(); return got })
await scene("amendThenPayOtherProcessObj", async f=>{
  const w=await Wallet.create({owner:"o",dailyLimit:50,ledger:f}); const got:string[]=[]
  const desk=await ReviewDesk.open({reviewer:"ana",ledger:f} as never)
  w.on("nearing",n=>got.push(`${n.percent} ${n.id}`)); await nap(50)
  await w.pay({amount:42,to:"x",purpose:"x"}); await nap(100)
  await Promise.all([desk.amend({dailyLimit:100},{owner:"o"}), nap(0).then(()=>w.pay({amount:55,to:"x",purpose:"x"}))]); await nap(200)
  await desk.amend({dailyLimit:200}); await nap(100); await w.pay({amount:70,to:"x",purpose:"x"}); await nap(200)
  await w.close(); await desk.close(); return got })
await scene("boundaries", async f=>{
  const w=await Wallet.create({owner:"o",limits:[{amount:100,per:"day"},{count:20,per:"day",by:"counterparty"}],ledger:f}); const got:string[]=[]
  w.on("nearing",n=>got.push(`${n.percent} ${JSON.stringify(n.limit)}`)); await nap(50)
  await w.pay({amount:"79.999999",to:"x",purpose:"x"}); await nap(50); got.push("--")
  await w.pay({amount:"0.000001",to:"x",purpose:"x"}); await nap(50); got.push("--")
  await w.pay({amount:"14.999999",to:"x",purpose:"x"}); await nap(50); got.push("--")
  await w.pay({amount:"0.000001",to:"x",purpose:"x"}); await nap(50); got.push("--count")
  for(let i=0;i<16;i++) await w.pay({amount:0,to:"y",purpose:"x"}); await nap(50); got.push("--")
  for(let i=0;i<3;i++) await w.pay({amount:0,to:"y",purpose:"x"}); await nap(50)
  await w.close(); return got })
await scene("relisten", async f=>{
  const w=await Wallet.create({owner:"o",dailyLimit:1e6,requireApprovalAbove:1,maxPending:1000,ledger:f}); const got=new Map<string,number>()
  let n=0; const l=(x:{id:string})=>{got.set(x.id,(got.get(x.id)??0)+1); n++}
  let off=w.on("queued",l); await nap(50)
  const ids:string[]=[]
  for(let i=0;i<20;i++){ const ds=await Promise.all(Array.from({length:10},()=>w.pay({amount:2,to:"x",purpose:"x"}))); ids.push(...ds.map(d=>d.id)); off(); off=w.on("queued",l) }
  await nap(300); const before=n
  // steady listener afterwards
  const ds=await Promise.all(Array.from({length:50},()=>w.pay({amount:2,to:"x",purpose:"x"}))); await nap(500)
  await w.close(); return {asked:ids.length, told:before, dup:[...got.values()].filter(v=>v>1).length, steadyTold:n-before, steadyAsked:50} })
